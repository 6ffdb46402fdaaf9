"""Who asks: tokens, the keys that sign them, and the signatures of addresses."""
