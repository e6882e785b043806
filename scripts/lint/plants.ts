// One violation of each fence, and a small tree that obeys all of them.

/** A file that breaks a fence, and what must be said about it. */
export interface Plant {
  readonly path: string
  readonly code: string
  /** The rule that fires, and the words it says when several fences share the rule. */
  readonly rule: string
  readonly says?: string
}

const restricted = 'lint/style/noRestrictedImports'
const actor = 'packages/actor/src'
const core = 'packages/core/src'

function crossing(path: string, specifier: string, says: string): Plant {
  return { path, code: `export { thing } from '${specifier}'\n`, rule: restricted, says }
}

const layers: readonly Plant[] = [
  crossing(`${actor}/base/errors.ts`, '../telemetry/telemetry.ts', "Actor's base"),
  crossing(`${actor}/base/options.ts`, '../actor/actor.ts', "Actor's base"),
  {
    path: `${actor}/ports/reaches-up.ts`,
    code: `import type { Thing } from '../defaults/services.ts'\n\nexport type Reach = Thing\n`,
    rule: restricted,
    says: 'The ports of actor',
  },
  crossing(`${actor}/defaults/reaches-up.ts`, '../actor/actor.ts', 'The defaults of actor'),
  crossing(`${actor}/telemetry/reaches-up.ts`, '../supervisor/supervisor.ts', 'The defaults of actor'),
  crossing(`${actor}/actor/reaches-up.ts`, '../supervisor/supervisor.ts', 'Actors import'),
  crossing(`${actor}/supervisor/reaches-out.ts`, '../agent/agent.ts', 'Supervisors and the registry'),
  crossing(`${actor}/registry/reaches-out.ts`, '@beamclaw/core', 'Supervisors and the registry'),
  crossing(`${actor}/internal.ts`, './testing/probe.ts', 'The entries of actor'),
  crossing(`${actor}/novelty/no-layer-yet.ts`, '../base/errors.ts', 'This folder of actor'),
  crossing(`${core}/base/ids.ts`, '../tool/tool.ts', "Core's base"),
  crossing(`${core}/base/messages.ts`, '../session/session.ts', "Core's base"),
  crossing(`${core}/base/events.ts`, '../defaults/memory-store.ts', "Core's base"),
  {
    path: `${core}/ports/reaches-up.ts`,
    code: `import type { Thing } from '../defaults/memory-store.ts'\n\nexport type Reach = Thing\n`,
    rule: restricted,
    says: 'Ports import',
  },
  crossing(`${core}/defaults/reaches-up.ts`, '../tool/tool.ts', 'Defaults import'),
  crossing(`${core}/cluster/reaches-up.ts`, '../session/session.ts', 'What runs between nodes'),
  ...['agent', 'tool', 'provider'].map((folder) =>
    crossing(`${core}/${folder}/reaches-up.ts`, '../session/session.ts', 'Agent, tool and provider'),
  ),
  crossing(`${core}/adapter/reaches-up.ts`, '../session/session.ts', 'authors of adapters'),
  crossing(`${core}/session/state/reaches-channel.ts`, '../../channel/channel-worker.ts', 'Sessions import'),
  crossing(`${core}/session/reaches-channel.ts`, '../channel/channel-worker.ts', 'Sessions import'),
  crossing(`${core}/session/reaches-tenant.ts`, '../tenant/tenant.ts', 'Sessions import'),
  crossing(`${core}/part/reaches-up.ts`, '../tenant/tenant.ts', 'A part is made'),
  ...['cron', 'process', 'channel', 'heartbeat', 'tenant'].map((folder) =>
    crossing(`${core}/${folder}/reaches-up.ts`, '../beamclaw.ts', 'Parts and tenants'),
  ),
  crossing(`${core}/embed/reaches-in.ts`, '../session/session.ts', 'What embeds a BeamClaw'),
  crossing(`${core}/primitives.ts`, './session/session.ts', 'The primitives are'),
  crossing(`${core}/novelty/no-layer-yet.ts`, '../base/errors.ts', 'This folder of core'),
]

const alone: readonly Plant[] = [
  crossing(`${actor}/actor/uses-node.ts`, 'node:timers', 'Actors import'),
  crossing(`${actor}/actor/uses-core.ts`, '@beamclaw/core', 'Actors import'),
  crossing(`${actor}/actor/uses-another-library.ts`, 'undici', 'Actors import'),
  crossing(`${actor}/actor/uses-the-barrel.ts`, '../index.ts', 'Actors import'),
  crossing(`${actor}/actor/uses-test-helpers.ts`, '../testing/helper.ts', 'Actors import'),
  crossing(`${actor}/actor/core.test.ts`, '@beamclaw/core', 'Actor imports no package'),
  crossing(`${actor}/testing/core.ts`, '@beamclaw/core/testing', 'Actor imports no package'),
  {
    path: `${actor}/actor/lazy.ts`,
    code: `export const later = () => import('../supervisor/supervisor.ts')\n`,
    rule: restricted,
    says: 'Actors import',
  },
  { path: `${actor}/actor/node-global.ts`, code: 'export const directory = process.cwd()\n', rule: 'lint/style/noRestrictedGlobals' },
  crossing(`${core}/session/uses-node.ts`, 'node:fs', 'Sessions import'),
  crossing(`${core}/session/uses-a-sibling.ts`, '@beamclaw/providers', 'Sessions import'),
  crossing(`${core}/session/uses-the-barrel.ts`, '../index.ts', 'Sessions import'),
  crossing(`${core}/session/uses-actor-tests.ts`, '@beamclaw/actor/testing', 'Sessions import'),
  crossing(`${core}/tool/uses-test-helpers.ts`, '../testing/helper.ts', 'Agent, tool and provider'),
  crossing(`${core}/beamclaw.ts`, './index.ts', 'BeamClaw and the main entry'),
  crossing(`${core}/session/sibling.test.ts`, '@beamclaw/testkit', 'Core imports no sibling'),
  crossing(`${core}/testing/sibling.ts`, '@beamclaw/testkit', 'Core imports no sibling'),
  { path: `${core}/session/node-global.ts`, code: 'export const directory = process.cwd()\n', rule: 'lint/style/noRestrictedGlobals' },
]

/** Of all packages core alone sees what actor keeps for it. */
const internalOfActor: readonly Plant[] = [
  crossing('packages/store-fs/src/past-core.ts', '@beamclaw/actor', 'An adapter imports'),
  crossing('packages/store-fs/src/internal.ts', '@beamclaw/actor/internal', 'An adapter imports'),
  crossing('packages/store-fs/src/internal.test.ts', '@beamclaw/actor/internal', 'Only core imports'),
  crossing('packages/testkit/src/internal.ts', '@beamclaw/actor/internal', 'Testkit imports'),
  crossing('packages/cli/src/internal.ts', '@beamclaw/actor/internal', 'published entries'),
  crossing('tests/system/internal.ts', '@beamclaw/actor/internal', 'System tests import'),
  crossing('bench/internal.ts', '@beamclaw/actor/internal', 'Only core imports'),
  crossing('scripts/internal.ts', '@beamclaw/actor/internal', 'Only core imports'),
]

const valuesOfPorts = [
  ['value', 'export const limit = 1\n'],
  ['function', 'export function limit(): number {\n  return 1\n}\n'],
  ['class', 'export class Limit {}\n'],
  ['re-export', `export { thing } from '../base/errors.ts'\n`],
  ['value-import', `import { thing } from '../base/errors.ts'\n\nexport type Thing = typeof thing\n`],
  ['effect', `import '../base/errors.ts'\n`],
] as const
const portsHoldTypes: readonly Plant[] = [actor, core].flatMap((folder) =>
  valuesOfPorts.map(([name, code]) => ({ path: `${folder}/ports/${name}.ts`, code, rule: 'plugin', says: 'holds types only' })),
)

const packages: readonly Plant[] = [
  crossing('packages/store-fs/src/other-adapter.ts', '@beamclaw/providers', 'An adapter imports'),
  crossing('packages/channels/src/discord/other-adapter.ts', '@beamclaw/tools', 'An adapter imports'),
  crossing('packages/store-redis/src/command-line.ts', 'beamclaw', 'An adapter imports'),
  crossing('packages/providers/src/demo/inside-core.ts', '@beamclaw/core/dist/index.js', 'An adapter imports'),
  crossing('packages/providers/src/demo/testkit.ts', '@beamclaw/testkit', 'An adapter imports'),
  crossing('packages/providers/src/demo/own-index.ts', '../index.ts', 'An adapter imports'),
  crossing('packages/providers/src/demo/own-entry.ts', './index.ts', 'An adapter imports'),
  crossing('packages/store-fs/src/own-name.ts', '@beamclaw/store-fs', 'An adapter imports'),
  crossing('packages/store-fs/src/test-helper.ts', './testing/helper.ts', 'An adapter imports'),
  crossing('packages/store-fs/src/test-file.ts', './fs-store.test.ts', 'An adapter imports'),
  crossing('packages/testkit/src/adapter.ts', '@beamclaw/store-fs', 'Testkit imports'),
  crossing('packages/testkit/src/other-entry.ts', '@beamclaw/core/dist/index.js', 'Testkit imports'),
  crossing('packages/workers/src/adapter.ts', '@beamclaw/providers', 'Workers import'),
  crossing('packages/workers/src/own-entry.ts', './index.ts', 'Workers import'),
  crossing('packages/gateway-ws/src/adapter.ts', '@beamclaw/providers', 'The gateway imports'),
  crossing('packages/gateway-ws/src/http/own-index.ts', '../index.ts', 'The gateway imports'),
  crossing('packages/model-policy/src/guards/adapter.ts', '@beamclaw/providers', 'Model policy imports'),
  crossing('packages/model-policy/src/guards/uses-node.ts', 'node:timers', 'Model policy imports'),
  {
    path: 'packages/model-policy/src/guards/node-global.ts',
    code: 'export const memory = process.memoryUsage()\n',
    rule: 'lint/style/noRestrictedGlobals',
  },
  crossing('packages/protocol/src/uses-core.ts', '@beamclaw/core', 'The protocol runs'),
  crossing('packages/protocol/src/uses-node.ts', 'node:buffer', 'The protocol runs'),
  crossing('packages/client/src/uses-core.ts', '@beamclaw/core', 'Client and dashboard'),
  crossing('packages/client/src/uses-node.ts', 'node:net', 'Client and dashboard'),
  crossing('packages/dashboard/src/uses-core.ts', '@beamclaw/core', 'Client and dashboard'),
  crossing('packages/cli/src/testkit.ts', '@beamclaw/testkit', 'published entries'),
  crossing('packages/cli/src/inside.ts', '@beamclaw/core/src/session/session.ts', 'published entries'),
  crossing('packages/cli/src/test-entry.ts', '@beamclaw/gateway-ws/testing', 'published entries'),
  crossing('tests/system/inside.ts', '@beamclaw/core/src/session/session.ts', 'System tests import'),
  crossing('tests/system/by-path.test.ts', '../../packages/core/src/index.ts', 'System tests import'),
  crossing('examples/inside/inside.ts', '@beamclaw/core/dist/index.js', 'published entries'),
]

const general: readonly Plant[] = [
  {
    path: 'packages/store-fs/src/inline-type.ts',
    code: `export type Inline = import('@beamclaw/providers').DemoProvider\n`,
    rule: 'plugin',
    says: 'import type',
  },
  {
    path: 'packages/store-fs/src/round.ts',
    code: `import { trip } from './trip.ts'\n\nexport const round = () => trip\n`,
    rule: 'lint/suspicious/noImportCycles',
  },
  {
    path: 'packages/store-fs/src/trip.ts',
    code: `import { round } from './round.ts'\n\nexport const trip = () => round\n`,
    rule: 'lint/suspicious/noImportCycles',
  },
  {
    path: 'packages/store-fs/src/undeclared.ts',
    code: `export { thing } from 'left-pad'\n`,
    rule: 'lint/correctness/noUndeclaredDependencies',
  },
  {
    path: 'packages/store-fs/src/development-only.ts',
    code: `export { thing } from 'fast-check'\n`,
    rule: 'lint/correctness/noUndeclaredDependencies',
  },
  {
    // The contracts run on any test runner.
    path: 'packages/testkit/src/one-runner.ts',
    code: `export { expect } from 'vitest'\n`,
    rule: 'lint/correctness/noUndeclaredDependencies',
  },
  { path: 'packages/store-fs/src/long.ts', code: 'export {}\n'.repeat(401), rule: 'lint/style/noExcessiveLinesPerFile' },
  {
    path: `${core}/session/private.ts`,
    code: `import { secret } from '../tool/secret.ts'\n\nexport const told = secret\n`,
    rule: 'lint/correctness/noPrivateImports',
  },
]

/** Every planted violation. */
export const plants: readonly Plant[] = [...layers, ...alone, ...internalOfActor, ...portsHoldTypes, ...packages, ...general]

const thing = 'export const thing = 1\n'

/** A tree that obeys every fence: each file takes all that its place allows. */
export const cleanTree: Readonly<Record<string, string>> = {
  [`${actor}/base/errors.ts`]: thing,
  [`${actor}/base/events.ts`]: `import type { ExitReason } from './exit-reason.ts'\n\nexport type Ended = ExitReason\n`,
  [`${actor}/base/exit-reason.ts`]: `export type ExitReason = 'normal'\n`,
  [`${actor}/ports/event-bus.ts`]: `import type { Ended } from '../base/events.ts'\n\nexport interface EventBus {\n  stop(): Ended\n}\n`,
  [`${actor}/defaults/services.ts`]: `export { thing } from '../base/errors.ts'\nexport type { EventBus } from '../ports/event-bus.ts'\n`,
  [`${actor}/telemetry/telemetry.ts`]: `export type { ExitReason } from '../base/exit-reason.ts'\nexport { default } from 'eventemitter3'\n`,
  [`${actor}/actor/actor.ts`]: `export { thing } from '../defaults/services.ts'\n`,
  [`${actor}/supervisor/supervisor.ts`]: `export { thing } from '../actor/actor.ts'\n`,
  [`${actor}/supervisor/testing/replay.ts`]: `export { readFileSync } from 'node:fs'\n`,
  [`${actor}/testing/probe.ts`]: `export { thing } from '../actor/actor.ts'\n`,
  [`${actor}/index.ts`]: `export { thing } from './supervisor/supervisor.ts'\n`,
  [`${actor}/internal.ts`]: `export { thing } from './base/errors.ts'\n`,
  [`${core}/base/errors.ts`]: `export { thing } from '@beamclaw/actor'\nexport { checkOptions } from '@beamclaw/actor/internal'\n`,
  [`${core}/base/ids.ts`]: `export { thing } from './errors.ts'\n`,
  [`${core}/base/events.ts`]: `export type Ended = 'normal'\n`,
  [`${core}/ports/store.ts`]: `import type { Clock } from '@beamclaw/actor'\nimport type { Ended } from '../base/events.ts'\n\nexport interface Store {\n  stop(clock: Clock): Ended\n}\n`,
  [`${core}/defaults/memory-store.ts`]: `export { thing } from '../base/ids.ts'\nexport type { Store } from '../ports/store.ts'\n`,
  [`${core}/tool/secret.ts`]: '/** @package */\nexport const secret = 1\n',
  [`${core}/tool/tool.ts`]: `export { thing } from '../defaults/memory-store.ts'\n`,
  [`${core}/primitives.ts`]: `export { thing } from '@beamclaw/actor'\n`,
  [`${core}/session/session.ts`]: `export { thing } from '../tool/tool.ts'\n`,
  [`${core}/session/session.test.ts`]: `export { Probe } from '@beamclaw/actor/testing'\nexport { test } from 'node:test'\nexport { expect } from 'vitest'\nexport { thing } from '../index.ts'\n`,
  [`${core}/session/state/state.ts`]: `export { thing } from '../../tool/tool.ts'\n`,
  [`${core}/part/part.ts`]: `export { thing } from '../session/session.ts'\n`,
  [`${core}/channel/channel-worker.ts`]: `export { thing } from '../part/part.ts'\n`,
  [`${core}/tenant/tenant.ts`]: `export { thing } from '../channel/channel-worker.ts'\n`,
  [`${core}/testing/helper.ts`]: `export { thing } from '../session/session.ts'\n`,
  [`${core}/beamclaw.ts`]: `export { thing } from './tenant/tenant.ts'\n`,
  [`${core}/index.ts`]: `export { thing } from './beamclaw.ts'\n`,
  'packages/store-fs/src/index.ts': `export { thing } from './fs-store.ts'\n`,
  'packages/store-fs/src/fs-store.ts': `export { readFileSync } from 'node:fs'\nexport { thing } from '@beamclaw/core'\n`,
  'packages/store-fs/src/fs-store.test.ts': `export { storeContract } from '@beamclaw/testkit'\nexport { thing } from './testing/helper.ts'\n`,
  'packages/store-fs/src/testing/helper.ts': `export { thing } from '../fs-store.ts'\n`,
  'packages/workers/src/split.ts': `export { FsStore } from '@beamclaw/store-fs'\nexport { thing } from '@beamclaw/core'\n`,
  'packages/providers/src/demo/index.ts': `export { thing } from './demo-provider.ts'\n`,
  'packages/providers/src/demo/demo-provider.ts': `export { thing } from '@beamclaw/core'\n`,
  'packages/providers/src/index.ts': `export { thing } from './demo/index.ts'\n`,
  'packages/model-policy/src/index.ts': `export { thing } from './guarded.ts'\n`,
  'packages/model-policy/src/guarded.ts': `export { thing } from '@beamclaw/core'\n`,
  'packages/protocol/src/index.ts': `export { z } from 'zod'\n`,
  'packages/gateway-ws/src/index.ts': `export { frames } from '@beamclaw/protocol'\n`,
  'packages/testkit/src/index.ts': `export { thing } from '@beamclaw/core'\n`,
  'packages/cli/src/index.ts': `export { FsStore } from '@beamclaw/store-fs'\n`,
  'tests/system/lab/drill.ts': `export { startGateway } from 'beamclaw/testing'\nexport { FsStore } from '@beamclaw/store-fs'\n`,
  'tests/system/crash.test.ts': `export { FsStore, startGateway } from './lab/drill.ts'\n`,
}
