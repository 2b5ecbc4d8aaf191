"""The ground floor: configs, registries, errors, ids, random numbers, fingerprints, files, progress, weights."""
