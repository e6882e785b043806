export { type InstrumentOptions, instrument, type TracedRun } from './instrument.ts'
