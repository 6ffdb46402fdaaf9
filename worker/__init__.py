"""Makes the images: jobs, providers, storage, thumbnails. Knows no GraphQL."""
