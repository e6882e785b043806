/** Starts with the server, so that runs which the last server left go on at once, and stops with it. */
import { claw } from './lib/claw'

await claw.get()

// `npm start` leaves the signals to this (NEXT_MANUAL_SIG_HANDLE): by itself Next would exit before the store is free.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void claw.stop().finally(() => process.exit()))
}
