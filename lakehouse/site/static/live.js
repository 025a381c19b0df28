// `site --serve` has another script in this place, which follows what changes.
