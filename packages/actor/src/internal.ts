// NOT PUBLIC: what `@beamclaw/core` needs beyond the main entry. Any version may change it without notice; core asks for exactly its own version.

export { checkStopOptions } from './actor/actor-options.ts'
export { Refusal } from './actor/refusal.ts'
export { guardedAbortController } from './base/abort.ts'
export { addErrorCodes, type ErrorCodes } from './base/error-codes.ts'
export { describeError, kindOf } from './base/errors.ts'
export {
  aBoolean,
  aFunction,
  anArray,
  anObject,
  anObjectWith,
  anything,
  aSignal,
  checkOptions,
  definedOnly,
  describeValue,
  duration,
  either,
  guardedRead,
  hintOf,
  integer,
  invalidOption,
  maxTimerMs,
  nearestName,
  type OptionRule,
  type OptionRules,
  oneOf,
  readOptions,
  text,
} from './base/options.ts'
export { RingDeque } from './base/ring-deque.ts'
export { isThenable, whenSettled } from './base/thenable.ts'
export { RandomIds } from './defaults/random-ids.ts'
export type { AnyActor } from './supervisor/supervised.ts'
