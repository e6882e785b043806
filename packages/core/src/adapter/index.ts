export {
  aBoolean,
  aFunction,
  anArray,
  anObject,
  anObjectWith,
  checkOptions,
  definedOnly,
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
export { fromWireError, toWireError } from '../base/wire-error.ts'
export { blobBytes, blobIdOf, checkBlobId } from '../defaults/blob-input.ts'
export {
  type CheckedIndexQuery,
  checkIndexKeys,
  checkIndexQuery,
  checkIndexTenant,
  compareIndexPlaces,
  type EncodedIndexEntry,
  encodeIndexEntries,
} from '../defaults/index-input.ts'
export { encodeJson } from '../defaults/json-text.ts'
export { type MemoryIndex, type MemoryIndexOptions, memoryIndex } from '../defaults/memory-index.ts'
export { ownerIn, placementOf } from '../defaults/placement.ts'
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
export { TurnQueue } from '../defaults/turn-queue.ts'
export { boundCalls } from '../provider/bound-calls.ts'
export { abortedError, asProviderError } from '../provider/provider-error.ts'
export { type ProviderStream, providerStream } from '../provider/provider-stream.ts'
export { estimateRequestTokens, estimateTextTokens } from '../provider/token-estimate.ts'
export { untilAborted } from '../provider/until-aborted.ts'
export {
  type IndexProgress,
  type IndexStep,
  type RebuildIndexOptions,
  rebuildIndex,
} from '../session/listing/rebuild-index.ts'
export {
  type RebuildListsOptions,
  type RebuildListsProgress,
  rebuildLists,
  type UnreadableSession,
} from '../session/listing/rebuild-lists.ts'
export { type SurveyedSession, surveySession } from '../session/listing/survey-session.ts'
export { sleep } from './sleep.ts'
export { wrapIndex } from './wrap-index.ts'
export { wrapLog } from './wrap-log.ts'
export { wrapStore } from './wrap-store.ts'
