import { after, describe } from 'node:test';
import { openPostgresStore, type Store } from '../../services/broker/store/open-store.ts';
import { type ScratchPostgres, scratchPostgres, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { joinTokenStoreContract } from './join-token-store.ts';
import { postgresPlace } from './postgres-place.ts';
import { describeStore, type StorePlace, storeOptions } from './store-suite.ts';

describe('the store on PostgreSQL', { skip: skipWithoutPostgres }, () => {
  // One server for all tests, started by the first and stopped after the last.
  let postgres: Promise<ScratchPostgres> | undefined;
  let tokens: Promise<Store> | undefined;
  const undos: (() => void | Promise<void>)[] = [];
  after(async () => {
    await (await tokens)?.close();
    for (const undo of undos.reverse()) await undo();
  });
  const makePlace = async (): Promise<StorePlace> => {
    postgres ??= scratchPostgres({ after: (undo) => undos.push(undo) });
    const place = await postgresPlace(await postgres);
    return { open: (options) => openPostgresStore(place, options) };
  };
  describeStore(makePlace);

  joinTokenStoreContract({
    name: 'PostgreSQL',
    open: async () => {
      tokens ??= makePlace().then((place) => place.open(storeOptions()));
      return (await tokens).joinTokens;
    },
  });
});
