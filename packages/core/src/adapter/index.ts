export { describeError } from '../base/errors.ts'
export {
  aFunction,
  anArray,
  anObject,
  checkOptions,
  describeValue,
  duration,
  integer,
  maxTimerMs,
  type OptionRule,
  type OptionRules,
  oneOf,
  text,
} from '../base/options.ts'
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
} from '../defaults/store-input.ts'
export { type CallStream, callStream, untilAborted } from '../provider/call-stream.ts'
export { abortedError, asProviderError } from '../provider/provider-error.ts'
export { estimateRequestTokens, estimateTextTokens } from '../provider/token-estimate.ts'
export { wrapLog } from './wrap-log.ts'
export { wrapStore } from './wrap-store.ts'
