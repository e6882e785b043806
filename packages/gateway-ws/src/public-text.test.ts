import { expect, test } from 'vitest'
import { publicText } from './public-text.ts'

test.each([
  [
    'store-io',
    'The file /var/lib/beamclaw/sessions/a.jsonl cannot be written',
    'The store of this gateway failed (store-io); its log has the details',
  ],
  [
    'log-corrupt',
    '/var/lib/beamclaw/default/sessions/main/a.log.jsonl at byte 759: record 4 is damaged or missing',
    expect.stringMatching(/^What is stored of this conversation is damaged: [^/]* `beamclaw doctor --repair` [^/]*$/) as string,
  ],
  ['session-broken', 'Record 3 of "/srv/my data/a.jsonl" is odd', 'Record 3 of "<path>" is odd'],
  ['session-broken', 'C:\\Users\\ada\\data\\a.jsonl is odd', '<path> is odd'],
  ['provider-network', 'https://api.example.com/v1/messages cannot be reached', 'https://api.example.com/v1/messages cannot be reached'],
  ['unknown-model', 'There is no model "openai/gpt-4o/x"', 'There is no model "openai/gpt-4o/x"'],
  ['run-failed', 'y'.repeat(1_000_000), `${'y'.repeat(500)} …`],
])('%s: %s', (code, message, expected) => {
  expect(publicText(code, message)).toEqual(expected)
})
