// The tests of each row of docs/faults.md: their files, and a part of their names.

const system = (name) => `tests/system/${name}.test.ts`
const storeFs = (name) => `packages/store-fs/src/${name}.test.ts`
const storeRedis = (name) => `packages/store-redis/src/${name}.test.ts`
const gatewayWs = (name) => `packages/gateway-ws/src/${name}.test.ts`
const nodes = system('redis-nodes')
const nodeFaults = (pattern) => ({ files: [system('redis-nodes-faults')], pattern })
const crashTable = (pattern) => ({ files: [system('crash-table')], pattern })

/** By the id of the row. Without a pattern: every test of the files. A row with a script takes long, and runs only when it is named. */
export const catalogue = {
  F01: crashTable('F01'),
  F02: { files: [system('crash-table'), system('queued-messages')], pattern: 'F02|50 of 50' },
  F03: crashTable('F03'),
  F04: crashTable('F04'),
  F05: crashTable('F05'),
  F07: crashTable('F07|after a run ended'),
  F09: { files: [system('random-kills')] },
  F10: { files: [system('full-disk'), storeFs('full-disk')], pattern: 'F10|half a batch|cut back' },
  F11: {
    files: [system('full-disk'), system('acknowledgement'), storeFs('processes'), storeFs('full-disk')],
    pattern: 'F11|busy sessions',
  },
  F12: { files: [storeFs('torn-tail')], pattern: 'torn write' },
  F13: { files: [system('damaged-journals'), storeFs('torn-tail')], pattern: 'refuses|F13|log-corrupt' },
  F14: { files: [storeFs('power-cut')] },
  F15: { files: [system('crash-table'), storeFs('processes')], pattern: 'F15' },
  F16: { files: [system('redis-nodes-churn')], pattern: 'F16' },
  F17: { files: [system('crash-table'), system('redis-nodes-faults')], pattern: 'F17' },
  F18: nodeFaults('F18'),
  F19: nodeFaults('F19'),
  F20: nodeFaults('F20'),
  F21: nodeFaults('F21'),
  F22: { files: [storeRedis('failover')] },
  F23: nodeFaults('F23'),
  F24: { files: [system('crash-table'), storeFs('fs-store'), system('redis-nodes-faults')], pattern: 'F24|appended again' },
  F25: nodeFaults('F25'),
  F26: {
    files: [system('crash-table'), nodes, 'packages/cli/src/skeleton.test.ts', 'packages/core/src/session/session.test.ts'],
    pattern: 'F26|idempotency key|with a key',
  },
  F27: { files: [system('nodes-lost-tells')] },
  F28: { files: [system('poison-message')] },
  F30: {
    files: ['packages/actor/src/actor/overload.test.ts', 'packages/core/src/session/session.test.ts'],
    pattern: 'flood|too many wait',
  },
  F31: { files: [system('provider-faults')], pattern: 'F31' },
  F32: { files: [system('provider-faults'), 'packages/providers/src/shared/faults.test.ts'], pattern: 'F32|deadline' },
  F33: { files: [system('provider-faults'), 'packages/providers/src/shared/faults.test.ts'], pattern: 'F33|broke off' },
  F34: { files: [system('provider-faults'), 'packages/providers/src/shared/faults.test.ts'], pattern: 'F34|adapter' },
  F35: { files: [system('provider-faults')], pattern: 'F35' },
  F36: { files: [system('tool-faults')], pattern: 'F36' },
  F39: { files: [system('tool-faults')], pattern: 'F39' },
  tools: { files: [system('tool-faults')] },
  F40: { files: [gatewayWs('ws/lost-connections')], pattern: 'F40' },
  F41: { files: [gatewayWs('ws/lost-connections')], pattern: 'F41' },
  F43: { files: [nodes], pattern: 'F43' },
  F44: { files: [nodes], pattern: 'F44' },
  F45: { files: [nodes], pattern: 'F45' },
  F47: { files: [system('nodes-versions'), system('redis-nodes-versions')] },
  F49: { files: [system('redis-nodes-churn')], pattern: 'F49' },
  S1: nodeFaults('S1'),
  nodes: { files: [nodes, system('redis-nodes-faults'), system('redis-nodes-starts'), system('nodes')] },
  F42: { script: 'scripts/storm.mjs', options: ['clients', 'nodes'] },
  random: { script: 'scripts/nodes-storm.mjs', options: ['seconds', 'sessions', 'seed'] },
  F50: { script: 'scripts/soak.mjs', options: ['minutes', 'sessions', 'seed'] },
}
