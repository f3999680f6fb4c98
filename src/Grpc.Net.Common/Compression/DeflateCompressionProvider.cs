using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>Compression that gRPC and HTTP call deflate: the zlib format (RFC 1950), not bare RFC 1951.</summary>
/// <param name="defaultCompressionLevel">How thoroughly, unless a message says otherwise.</param>
public sealed class DeflateCompressionProvider(CompressionLevel defaultCompressionLevel) : ICompressionProvider
{
    /// <summary><c>deflate</c>.</summary>
    public string EncodingName => "deflate";

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new ZLibStream(stream, compressionLevel ?? defaultCompressionLevel, leaveOpen: true);

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) => new ZLibStream(stream, CompressionMode.Decompress);
}
