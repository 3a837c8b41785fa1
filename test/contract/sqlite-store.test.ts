import path from 'node:path';
import { after, describe } from 'node:test';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { openSqliteStore } from '../../services/broker/store/open-store.ts';
import { type Scope, tempDir } from '../harness/temp-dir.ts';
import { joinTokenStoreContract } from './join-token-store.ts';
import { describeStore, type StorePlace, storeOptions } from './store-suite.ts';

function sqlitePlace(scope: Scope): Promise<StorePlace> {
  const file = path.join(tempDir(scope), 'broker.db');
  return Promise.resolve({
    open: (options) => openSqliteStore(new SqliteDatabase({ file, exclusive: true }), options),
  });
}

describe('the store on SQLite', () => {
  describeStore(sqlitePlace);
});

const tokens = sqlitePlace({ after }).then((place) => place.open(storeOptions()));
after(async () => (await tokens).close());
joinTokenStoreContract({ name: 'SQLite', open: async () => (await tokens).joinTokens });
