"""The methods: one file per paper or method, found by a scan of this folder; every `Method` in a file is registered."""
