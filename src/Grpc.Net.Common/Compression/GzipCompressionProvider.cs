using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>Compression with gzip (RFC 1952).</summary>
/// <param name="defaultCompressionLevel">How thoroughly, unless a message says otherwise.</param>
public sealed class GzipCompressionProvider(CompressionLevel defaultCompressionLevel) : ICompressionProvider
{
    /// <summary><c>gzip</c>.</summary>
    public string EncodingName => "gzip";

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new GZipStream(stream, compressionLevel ?? defaultCompressionLevel, leaveOpen: true);

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) => new GZipStream(stream, CompressionMode.Decompress);
}
