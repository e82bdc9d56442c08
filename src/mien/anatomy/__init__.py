"""Eyes, lids, lips, mouth and teeth: where they sit in a head and how they touch."""
