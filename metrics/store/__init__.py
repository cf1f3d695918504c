"""The store: one wide row per entity and period, whose columns merge by SUM, MIN or MAX alone."""
