import type { JoinTokenStore } from '../domain/join-token.ts';
import { JoinTokenAttestor } from './join-token/attestor.ts';

/**
 * Every way to prove what a workload is, by the name of the proof in `AttestRequest`. A new one is a folder and a line here,
 * and a new proof in the contract.
 */
export function createAttestors(parts: { readonly joinTokens: JoinTokenStore }) {
  return { joinToken: new JoinTokenAttestor(parts.joinTokens) };
}
