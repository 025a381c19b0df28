// Nightscout 0.12 runs on newer versions of Node than it says, and ends at once on those.
Object.defineProperty(process, "version", { value: "v12.22.12" });
