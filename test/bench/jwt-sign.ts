import { generateKeyPairSync, sign } from 'node:crypto';
import { JwtProvider } from '../../services/broker/providers/jwt/provider.ts';
import { SigningKeys } from '../../services/broker/providers/jwt/signing-keys.ts';
import { newIntent, readProfile } from '../harness/postgres-target.ts';
import { type Scope, tempDir } from '../harness/temp-dir.ts';

/** Tokens signed per second on one core, beside the bare signature of as many bytes. */
export type JwtSignFigures = {
  readonly rate: number;
  readonly bareRate: number;
  readonly tokenBytes: number;
};

/** Signs tokens for `durationMs`, then makes bare signatures for as long. */
export async function measureJwtSign(scope: Scope, durationMs: number): Promise<JwtSignFigures> {
  const keys = await SigningKeys.open(`${tempDir(scope)}/keys`, { now: () => Date.now() });
  const provider = new JwtProvider({ name: 'bench', issuer: 'https://broker.stint.local', keys });
  const { grant, lease } = newIntent(provider, { now: Date.now() });
  const credential = provider.sign(grant, lease, readProfile);
  const token = credential.kind === 'token' ? credential.token.revealText() : '';
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const input = Buffer.from(token.slice(0, token.lastIndexOf('.')));
  return {
    rate: rateOf(durationMs, () => provider.sign(grant, lease, readProfile)),
    bareRate: rateOf(durationMs, () => sign('sha256', input, privateKey)),
    tokenBytes: token.length,
  };
}

function rateOf(durationMs: number, work: () => unknown): number {
  for (let i = 0; i < 1_000; i += 1) work();
  const start = performance.now();
  let n = 0;
  for (; performance.now() < start + durationMs; n += 1) work();
  return (n * 1_000) / (performance.now() - start);
}
