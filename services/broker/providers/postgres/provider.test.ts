import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetCallMs } from '../../domain/lease.ts';
import { deadlineMs } from './provider.ts';

test('every call gives up by itself before its caller cuts it', () => {
  for (const [call, ms] of Object.entries(deadlineMs)) assert.ok(ms < targetCallMs, call);
});
