import { jwtKind } from './jwt/kind.ts';
import { postgresKind } from './postgres/kind.ts';
import type { ProviderKinds } from './provider-kind.ts';

/** Every kind of provider: a new one is a folder beside this file and a row here. */
export const providerKinds: ProviderKinds = { jwt: jwtKind, postgres: postgresKind };
