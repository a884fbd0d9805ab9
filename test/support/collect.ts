/** Loaded before telesetd's main (`bun --preload`): SIGUSR2 collects the garbage. */
process.on("SIGUSR2", () => Bun.gc(true));
