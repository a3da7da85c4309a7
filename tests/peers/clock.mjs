// The service of the Connect and gRPC-web tests. Its description is written as the data that a compiler of .proto files would make,
// so that no compiler is needed.

import { create, createFileRegistry, fromJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, FileDescriptorProtoSchema, file_google_protobuf_wrappers } from '@bufbuild/protobuf/wkt';

const TEXT = '.google.protobuf.StringValue';
const method = (name, more = {}) => ({ name, inputType: TEXT, outputType: TEXT, ...more });

const FILE = fromJson(FileDescriptorProtoSchema, {
  name: 'clock.proto',
  package: 'clock.v1',
  syntax: 'proto3',
  dependency: ['google/protobuf/wrappers.proto'],
  service: [{ name: 'Clock', method: [method('Say'), method('Acknowledge'), method('Tick', { serverStreaming: true })] }],
});

const FILES = create(FileDescriptorSetSchema, { file: [file_google_protobuf_wrappers.proto, FILE] });

/** `clock.v1.Clock`: two unary methods and one that streams, all of them on texts. */
export const Clock = createFileRegistry(FILES).getService('clock.v1.Clock');
