import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPainter, wantsColor } from './colors.ts';

test('terminals get colours, and pipes do not', () => {
  assert.equal(wantsColor(true, {}), true);
  assert.equal(wantsColor(false, {}), false);
});

test('each of the customary variables is obeyed, the refusal before the demand', () => {
  const on = [
    { FORCE_COLOR: '1' },

    { CLICOLOR_FORCE: '1' },
    { FORCE_COLOR: '1', TERM: 'dumb' },
  ];
  const off = [
    { NO_COLOR: '1' },
    { NO_COLOR: '1', FORCE_COLOR: '1' },
    { FORCE_COLOR: '0' },
    { CLICOLOR: '0' },
    { TERM: 'dumb' },
  ];
  for (const environment of on)
    assert.equal(wantsColor(false, environment), true, JSON.stringify(environment));
  for (const environment of off)
    assert.equal(wantsColor(true, environment), false, JSON.stringify(environment));
  assert.equal(wantsColor(true, { NO_COLOR: '' }), true);
  assert.equal(wantsColor(false, { FORCE_COLOR: '' }), false);
});

test('a painter without colours leaves text as it is', () => {
  assert.equal(createPainter(false)('text', 'red'), 'text');
  assert.equal(createPainter(true)('text', 'red'), '\u001b[31mtext\u001b[39m');
  assert.equal(createPainter(true)('text', undefined), 'text');
});
