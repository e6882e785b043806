/** What tests of programs on core need: a clock that stands still, and a model that answers from a script. */
export { ManualClock, settled } from './manual-clock.ts'
export {
  type Heard,
  hear,
  plainRequest,
  type ScriptedAnswer,
  type ScriptedCall,
  type ScriptedFunction,
  ScriptedProvider,
  type ScriptedProviderOptions,
  textAnswer,
} from './scripted-provider.ts'
