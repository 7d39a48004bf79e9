//! Series, samples, rollup arithmetic and the compressed chunk.
