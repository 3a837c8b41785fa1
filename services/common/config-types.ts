import type { PlaceKind } from './config/place-check.ts';
import type { Secret } from './secret.ts';

/** A host and TCP port to listen on or connect to. */
export type HostPort = { readonly host: string; readonly port: number };

/** What every option says of itself. `doc` answers what it is and what happens when it is set wrong. */
type Common = { readonly doc: string };

/** One option. No `default` means that it must be set, unless `optional`. Defaults are written as a user writes them. */
export type Option =
  | (Common & {
      readonly type: 'string';
      readonly default?: string;
      readonly optional?: true;
      readonly pattern?: RegExp;
      readonly lengthMax?: number;
    })
  | (Common & {
      readonly type: 'integer';
      readonly default?: number;
      readonly optional?: true;
      readonly min: number;
      readonly max: number;
      readonly unit?: string;
    })
  | (Common & {
      readonly type: 'duration';
      readonly default?: string;
      readonly optional?: true;
      readonly min: string;
      readonly max: string;
    })
  | (Common & {
      readonly type: 'path';
      readonly default?: string;
      readonly optional?: true;
      /** What is looked at before the service starts; absent: nothing, for what may come to be later. */
      readonly place?: PlaceKind;
    })
  | (Common & { readonly type: 'address'; readonly default?: string; readonly optional?: true })
  | (Common & {
      readonly type: 'enum';
      readonly values: readonly string[];
      readonly default?: string;
      readonly optional?: true;
    })
  | (Common & { readonly type: 'boolean'; readonly default: boolean })
  | (Common & { readonly type: 'secretFile'; readonly optional?: true })
  | (Common & {
      readonly type: 'list';
      readonly default?: readonly string[];
      readonly optional?: true;
      readonly pattern?: RegExp;
      readonly itemsMax?: number;
    });

/** A service's options by their key in lower camel case: `meshListen` is flag `--mesh-listen`, env `STINT_BROKER_MESH_LISTEN`. */
export type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { type: 'enum'; values: readonly (infer Choice)[] }
  ? Choice
  : {
      string: string;
      integer: number;
      /** Milliseconds. */
      duration: number;
      /** Absolute. */
      path: string;
      address: HostPort;
      enum: string;
      boolean: boolean;
      secretFile: Secret;
      list: readonly string[];
    }[O['type']];

/** The parsed form of a table: what is not set and optional is undefined. Durations in milliseconds, paths absolute. */
export type ConfigOf<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends { optional: true }
    ? ValueOf<Table[Key]> | undefined
    : ValueOf<Table[Key]>;
};

/** A service's options and where they are looked for. */
export type ConfigSpec<Table extends OptionTable> = {
  /** `broker`: variables are `STINT_BROKER_…`. */
  readonly service: string;
  /** One line for `--help`. */
  readonly summary: string;
  readonly options: Table;
};
