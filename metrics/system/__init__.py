"""The page System: how HMM itself is, one block a module. Adding one adds a file here and its template."""
