// The eight programs with BeamClaw, each in a process of its own.
import { programTests } from './testing/program-tests.ts'

programTests('beamclaw')
