// The names of `@beamclaw/tools`, one by one.
export {}
