import { z } from 'zod'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import type { Tags } from '../../stream-settings.ts'
import { consumerOf, isConsumerArn } from '../consumer-identity.ts'
import { type Operations, operation } from '../operation.ts'
import { integer, streamMembers } from '../shapes.ts'
import { definitionOf, type StreamMembers, streamOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { resourceArn, tagKey, tagKeys, tagMap } from './control-shapes.ts'
import { changeConsumer, changeSettings } from './stream-change.ts'
import { tagList, withoutTags, withTags } from './tags.ts'

const maxPage = 50

/** `owner` is what the tags are of, for messages. */
type Change = (tags: Tags, owner: string) => Tags

/** Tags of streams, by their names, and of streams and consumers, by their ARNs. */
export function tagging({ engine }: WireContext): Operations {
  return { ...streamTags(engine), ...resourceTags(engine) }
}

function streamTags(engine: EmbeddedEngine): Operations {
  return {
    AddTagsToStream: operation(z.object({ ...streamMembers, Tags: tagMap() }), async (input) => {
      await changeOfStream(engine, input, (tags, owner) => withTags(tags, input.Tags, owner))
      return undefined
    }),

    RemoveTagsFromStream: operation(
      z.object({ ...streamMembers, TagKeys: tagKeys() }),
      async (input) => {
        await changeOfStream(engine, input, (tags) => withoutTags(tags, input.TagKeys))
        return undefined
      }
    ),

    ListTagsForStream: operation(
      z.object({
        ...streamMembers,
        ExclusiveStartTagKey: tagKey().optional(),
        Limit: integer(1, maxPage).optional()
      }),
      (input) => {
        const { tags } = definitionOf(engine, streamOf(input)).settings
        const after = input.ExclusiveStartTagKey ?? ''
        const left = tags.filter(([key]) => key > after)
        const page = left.slice(0, input.Limit ?? maxPage)
        return { Tags: tagList(page), HasMoreTags: page.length < left.length }
      }
    )
  }
}

function resourceTags(engine: EmbeddedEngine): Operations {
  return {
    TagResource: operation(
      z.object({ ResourceARN: resourceArn(), Tags: tagMap() }),
      async ({ ResourceARN, Tags }) => {
        await changeOfResource(engine, ResourceARN, (tags, owner) => withTags(tags, Tags, owner))
        return undefined
      }
    ),

    UntagResource: operation(
      z.object({ ResourceARN: resourceArn(), TagKeys: tagKeys() }),
      async ({ ResourceARN, TagKeys }) => {
        await changeOfResource(engine, ResourceARN, (tags) => withoutTags(tags, TagKeys))
        return undefined
      }
    ),

    ListTagsForResource: operation(
      z.object({ ResourceARN: resourceArn() }),
      ({ ResourceARN: arn }) => {
        const { tags } = isConsumerArn(arn)
          ? consumerOf(engine, arn).consumer
          : definitionOf(engine, streamOf({ StreamARN: arn })).settings
        return { Tags: tagList(tags) }
      }
    )
  }
}

function changeOfStream(
  engine: EmbeddedEngine,
  members: StreamMembers,
  change: Change
): Promise<void> {
  return changeSettings(engine, members, (settings) => ({
    ...settings,
    tags: change(settings.tags, `stream ${streamOf(members)}`)
  }))
}

function changeOfResource(engine: EmbeddedEngine, arn: string, change: Change): Promise<void> {
  if (!isConsumerArn(arn)) return changeOfStream(engine, { StreamARN: arn }, change)
  return changeConsumer(engine, consumerOf(engine, arn), (consumer) => ({
    ...consumer,
    tags: change(consumer.tags, `consumer ${consumer.name}`)
  }))
}
