"""Remote media: fetched from checked addresses only, within limits, with a cache."""
