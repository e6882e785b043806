/** Loaded before the program: lets the tree fall as often as it takes to give up, a moment after it is up. */
import { BeamClaw } from '@beamclaw/core'
import { killPart } from '@beamclaw/core/testing'

const { start } = BeamClaw.prototype
BeamClaw.prototype.start = async function () {
  const claw = await start.call(this)
  const fell = { yet: false }
  claw.ended.then(() => {
    fell.yet = true
  })
  const knock = (): void => {
    if (fell.yet) return
    try {
      killPart(claw, 'tools')
    } catch {
      // It is being started again.
    }
    setTimeout(knock, 10)
  }
  setTimeout(knock, 300)
  return claw
}
