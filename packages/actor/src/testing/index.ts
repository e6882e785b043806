/** Helpers for tests of actors: a clock that is set by hand, an actor that runs what it is sent, services that write down every event. */

export { flushEventLoop, ManualClock } from './manual-clock.ts'
export { gate, Probe, type Work } from './probe.ts'
export { recordingServices } from './tree.ts'
