// What the playground opens with; each runs as it is.

const LOOK = `# What you have made, newest first.
# Run it with the button, or with Ctrl-Enter.
#
# The book at the left has every field;
# Ctrl-Space completes what you type.
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

const START = `# One prompt, two values of its variable, and
# two images of each: a batch of four.
# It answers at once; they are made behind it.
#
# What you can put right comes in userErrors,
# and then nothing was started.
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

const WATCH = `# All that moves in your history, live, for as
# long as you let it. Run it, then start a batch
# in another window: in the Studio, or here.
#
# For one batch, in order, from any point on:
#   batchResults(batchId: "...", after: "...")
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
