/*
 * Limits of a session between a sidecar and a broker: a sidecar keeps them, and a broker refuses what is above them.
 * Source: stint.broker.v1.AccessService.Session.
 */

/** Messages in one frame, both ways. A broker ends the session of a sidecar that sends more. */
export const frameMessagesMax = 256;

/** Bytes of a sidecar's frame, as the sidecar counts them. A broker takes twice as many. */
export const frameBytesMax = 262_144;

/** Questions under way at once. More are refused at once with RATE_LIMITED: they are not queued. */
export const sessionQuestionsMax = 1_024;
