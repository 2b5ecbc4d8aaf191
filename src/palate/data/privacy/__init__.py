"""People in the data: pseudonyms for their ids, masks for their addresses and numbers, pictures without metadata, erasure."""
