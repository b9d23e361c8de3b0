/**
 * What is read of `show -json` (format version 1.x) of Terraform and OpenTofu. Keys that are not named here are let
 * through: both add some with each release.
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';
import type { Json } from '#sweep/core/differences';

const AnyJson = Type.Unsafe<Json>(Type.Unknown());
const Text = Type.String();

const ResourceElement = Type.Object({
  address: Text,
  previous_address: Type.Optional(Text),
  module_address: Type.Optional(Text),
  mode: Type.Optional(Text),
  type: Text,
  deposed: Type.Optional(Text),
  change: Type.Object({
    actions: Type.Array(Text),
    before: Type.Optional(AnyJson),
    after: Type.Optional(AnyJson),
    after_unknown: Type.Optional(AnyJson),
    before_sensitive: Type.Optional(AnyJson),
    after_sensitive: Type.Optional(AnyJson),
    importing: Type.Optional(AnyJson),
  }),
});
export type ResourceElement = Static<typeof ResourceElement>;

const OutputElement = Type.Object({
  actions: Type.Array(Text),
  before: Type.Optional(AnyJson),
  after: Type.Optional(AnyJson),
  after_unknown: Type.Optional(AnyJson),
  before_sensitive: Type.Optional(AnyJson),
  after_sensitive: Type.Optional(AnyJson),
});
export type OutputElement = Static<typeof OutputElement>;

const RelevantElement = Type.Object({
  resource: Text,
  attribute: Type.Array(Type.Union([Text, Type.Number()])),
});
export type RelevantElement = Static<typeof RelevantElement>;

const resource = shapeOf(ResourceElement);
const output = shapeOf(OutputElement);
const relevant = shapeOf(RelevantElement);

export const isResourceElement = (value: unknown): value is ResourceElement => resource.check(value);
export const isOutputElement = (value: unknown): value is OutputElement => output.check(value);
export const isRelevantElement = (value: unknown): value is RelevantElement => relevant.check(value);
