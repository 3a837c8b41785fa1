import type { Clock } from '@stint/common/time.ts';
import type { Provider } from '../app/ports/provider.ts';

/** A provider instance as the operator declares it: a name that resources refer to, a kind, and words for the kind. */
export type ProviderDeclaration = {
  readonly name: string;
  readonly kind: string;
  readonly settings: Readonly<Record<string, string>>;
};

/** What every provider is given by the broker. */
export type ProviderSurroundings = {
  readonly brokerName: string;
  /** A directory (0700) for keys; each instance uses one below it, by its name. */
  readonly stateDirectory: string;
  readonly clock: Clock;
};

/** How instances of one kind of provider come to be. */
export type ProviderKind = {
  /** What is wrong with an instance's settings; empty when nothing is. Reads no file. */
  faults(settings: ProviderDeclaration['settings'], surroundings: ProviderSurroundings): readonly string[];
  /** Reads the files that the settings name, as `open` does; absent where they name none. */
  readFiles?(declaration: ProviderDeclaration): Promise<unknown>;
  /** Opens an instance whose settings have no fault. Contacts no target: one that is down does not keep the broker from starting. */
  open(declaration: ProviderDeclaration, surroundings: ProviderSurroundings): Promise<Provider>;
};

/** Kinds by the name that declarations give them. */
export type ProviderKinds = Readonly<Record<string, ProviderKind>>;
