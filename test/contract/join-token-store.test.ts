import { MemoryJoinTokenStore } from '../fakes/memory-join-token-store.ts';
import { joinTokenStoreContract } from './join-token-store.ts';

joinTokenStoreContract({ name: 'in memory', open: () => new MemoryJoinTokenStore() });
