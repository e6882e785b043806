import { describe, expect, test } from 'vitest'
import { SteadyTime } from './steady-time.ts'

const hour = 3_600_000

describe('steady time', () => {
  test('follows a wall clock that is set a little, and never goes back', () => {
    const time = new SteadyTime(1_000_000, 0)
    expect(time.at(1_060_000, 1_000)).toBe(1_060_000)
    expect(time.at(1_030_000, 2_000)).toBe(1_060_000)
    expect(time.at(1_062_000, 32_000)).toBe(1_062_000)
  })

  test('goes on by itself when the wall clock jumps, forth or back', () => {
    const time = new SteadyTime(0, 0)
    expect(time.at(48 * hour, 1_000)).toBe(1_000)
    expect(time.at(-48 * hour, 2_000)).toBe(2_000)
    expect(time.at(3_000, 3_000)).toBe(3_000)
  })

  test('believes a wall clock that stays ahead for an hour: the machine has slept', () => {
    const time = new SteadyTime(0, 0)
    expect(time.at(10 * hour, 1_000)).toBe(1_000)
    expect(time.at(10 * hour + hour / 2, hour / 2)).toBe(hour / 2)
    expect(time.at(11 * hour, hour + 1_000)).toBe(11 * hour)
    expect(time.at(11 * hour + 5_000, hour + 6_000)).toBe(11 * hour + 5_000)
  })

  test('does not believe one that goes forth and back within the hour', () => {
    const time = new SteadyTime(0, 0)
    for (let minute = 0; minute < 180; minute++) {
      const wall = minute * 60_000 + (minute % 50 < 30 ? 24 * hour : 0)
      expect(time.at(wall, minute * 60_000)).toBe(minute * 60_000)
    }
  })
})
