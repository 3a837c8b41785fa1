/** How far the clocks of broker and auditor may differ, in milliseconds; what is further off is not believed. */
export const clockDifferenceMsMax = 300_000;
