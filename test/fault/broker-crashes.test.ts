import { describeBrokerCrashes } from './broker-crash-suite.ts';

describeBrokerCrashes('SQLite', () => Promise.resolve({ args: [] }));
