using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>One way to compress messages.</summary>
public interface ICompressionProvider
{
    /// <summary>Its name in the <c>grpc-encoding</c> header.</summary>
    string EncodingName { get; }

    /// <summary>Compresses a message.</summary>
    /// <param name="stream">Takes the compressed bytes; it stays open.</param>
    /// <param name="compressionLevel">How thoroughly; null for the provider's own level.</param>
    /// <returns>The stream to write the message to and then dispose.</returns>
    Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel);

    /// <summary>Decompresses a message.</summary>
    /// <param name="stream">The compressed bytes.</param>
    /// <returns>The stream to read the message from.</returns>
    Stream CreateDecompressionStream(Stream stream);
}
