/** `postern/testing`: what plugin authors test with. */
export {};
