// Actors, supervisors, the registry and their event bus. Listed one by one; `internal.ts` has what core needs beyond them.

export { Actor, type HandlerResult } from './actor/actor.ts'
export type { ActorInspection, ActorState } from './actor/actor-hooks.ts'
export { type ActorOptions, actorDefaults, type StartOptions, type StopOptions } from './actor/actor-options.ts'
export { type ActorContext, type ActorRef, type CallOptions, type CastOptions, callDefaults, type MailboxLane } from './actor/actor-ref.ts'
export { IGNORE } from './actor/internals.ts'
export { refuse } from './actor/refusal.ts'
export { ResourceActor, type ResourceOptions } from './actor/resource-actor.ts'
export type { ErrorCode, ErrorKind, ErrorTraits } from './base/error-codes.ts'
export { BeamClawError, type BeamClawErrorOptions, ChildStartError, defineErrors, MailboxFullError } from './base/errors.ts'
export type { ActorEvent } from './base/events.ts'
export { ExitNotice, type ExitReason } from './base/exit-reason.ts'
export { ConsoleLogger, silentLogger } from './defaults/console-logger.ts'
export { LocalEventBus, subscribeDefaults } from './defaults/local-event-bus.ts'
export { type SystemServices, systemServices } from './defaults/services.ts'
export { SystemClock } from './defaults/system-clock.ts'
export type { EventBus, EventIterator, SubscribeOptions, Subscription, Topic } from './ports/event-bus.ts'
export type { Clock, IdGenerator, Logger, LogLevel, Random, TimerHandle } from './ports/services.ts'
export { Registry, type RegistryEntry, type RegistryOptions } from './registry/registry.ts'
export { type ChildSpec, type ChildType, childDefaults, type ShutdownPolicy } from './supervisor/child-spec.ts'
export {
  type DynamicChildSpec,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
  dynamicSupervisorDefaults,
} from './supervisor/dynamic-supervisor.ts'
export type { RestartType } from './supervisor/restart-policy.ts'
export type { RestartBackoff } from './supervisor/restart-schedule.ts'
export { Supervisor } from './supervisor/supervisor.ts'
export { type RestartStrategy, type SupervisorOptions, supervisorDefaults } from './supervisor/supervisor-options.ts'
export type { TaskContext, TaskOptions, TaskWork } from './supervisor/task.ts'
export type { TaskStreamOptions } from './supervisor/task-stream.ts'
export { TaskSupervisor, type TaskSupervisorOptions } from './supervisor/task-supervisor.ts'
export type { ChildCounts, ChildInfo, TreeNode } from './supervisor/tree-node.ts'
export { Telemetry } from './telemetry/telemetry.ts'
