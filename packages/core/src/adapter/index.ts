export {
  aBoolean,
  aFunction,
  anArray,
  anObject,
  anObjectWith,
  checkOptions,
  describeValue,
  duration,
  integer,
  maxTimerMs,
  type OptionRule,
  type OptionRules,
  oneOf,
  text,
} from '@beamclaw/actor/internal'
export { describeError } from '../base/errors.ts'
export { firstCharacters, wellFormedJson } from '../base/well-formed.ts'
export { encodeJson } from '../defaults/json-text.ts'
export {
  checkFencingToken,
  checkSnapshotSeq,
  checkStoreKey,
  compareStoreKeys,
  type EncodedLogEntry,
  encodeLogRecords,
  freshLogRecords,
  isBelowStoreKey,
  mayOpenLog,
  readLogOptions,
} from '../defaults/store-input.ts'
export { abortedError, asProviderError } from '../provider/provider-error.ts'
export { type ProviderStream, providerStream } from '../provider/provider-stream.ts'
export { estimateRequestTokens, estimateTextTokens } from '../provider/token-estimate.ts'
export { untilAborted } from '../provider/until-aborted.ts'
export { sleep } from './sleep.ts'
export { wrapLog } from './wrap-log.ts'
export { wrapStore } from './wrap-store.ts'
