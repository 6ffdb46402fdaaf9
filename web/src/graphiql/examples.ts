// What the playground opens with; each runs as it is.

const LOOK = `# What you have made, newest first. Run it with the button, or with Ctrl-Enter.
#
# The book at the left has every type and field; Ctrl-Space completes what you type.
query LookAtHistory {
  batches(first: 5) {
    nodes {
      id
      title
      status
      counts {
        total
        succeeded
        failed
      }
      images(first: 3) {
        nodes {
          prompt
          url
          thumbnailUrl(width: 200)
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

const START = `# Starts a batch: one prompt, two values of its variable, two images of each.
# It answers at once; the images are made in the background.
#
# What you can put right comes as userErrors, and then nothing was started.
mutation StartBatch {
  startBatch(
    input: {
      templates: [{ name: "Sea", prompt: "a {{thing}} at dawn" }]
      variables: { thing: ["boat", "lighthouse"] }
      variants: 2
    }
  ) {
    batchId
    batch {
      title
      counts {
        total
      }
    }
    userErrors {
      field
      code
      message
    }
  }
}
`;

const WATCH = `# All that moves in your history, over a WebSocket, for as long as you let it.
# Run it, then start a batch in another window: in the Studio, or here.
#
# For one batch, in order and from any point on: batchResults(batchId: "...", after: "...").
subscription WatchHistory {
  historyUpdates {
    batch {
      title
      status
      counts {
        total
        succeeded
      }
    }
    generation {
      position
      templateName
      status
      imageUrl
    }
  }
}
`;

export const EXAMPLES = [LOOK, START, WATCH].map((query) => ({ query }));
