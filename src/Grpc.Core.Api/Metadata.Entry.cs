using System.Buffers;
using System.Text;

namespace Grpc.Core;

public sealed partial class Metadata
{
    /// <summary>One key with its value, text or binary; it does not change.</summary>
    public sealed class Entry
    {
        private static readonly SearchValues<char> KeyCharacters =
            SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

        private readonly string? _text;
        private readonly byte[]? _bytes;

        /// <summary>Makes an entry with a text value.</summary>
        /// <param name="key">
        /// Letters, digits, <c>_</c>, <c>-</c> and <c>.</c>, kept in lower case; not ending in <c>-bin</c>.
        /// </param>
        /// <param name="value">The value. The transport takes printable ASCII only.</param>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">The key is not valid, or is one for a binary value.</exception>
        public Entry(string key, string value)
        {
            ArgumentNullException.ThrowIfNull(value);
            Key = Normalize(key);
            if (HasBinaryKey)
            {
                throw new ArgumentException(
                    $"The key '{key}' ends in '{BinaryHeaderSuffix}' and so takes a byte[].", nameof(key));
            }

            _text = value;
        }

        /// <summary>Makes an entry with a binary value.</summary>
        /// <param name="key">
        /// Letters, digits, <c>_</c>, <c>-</c> and <c>.</c>, kept in lower case; ending in <c>-bin</c>.
        /// </param>
        /// <param name="valueBytes">The value; it is copied.</param>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">The key is not valid, or is one for a text value.</exception>
        public Entry(string key, byte[] valueBytes)
        {
            ArgumentNullException.ThrowIfNull(valueBytes);
            Key = Normalize(key);
            if (!HasBinaryKey)
            {
                throw new ArgumentException(
                    $"The key '{key}' must end in '{BinaryHeaderSuffix}' to take a byte[].", nameof(key));
            }

            _bytes = valueBytes.AsSpan().ToArray();
        }

        /// <summary>The key in lower case.</summary>
        public string Key { get; }

        /// <summary>Whether the value is binary.</summary>
        public bool IsBinary => _text is null;

        /// <summary>The text value.</summary>
        /// <exception cref="InvalidOperationException">The value is binary.</exception>
        public string Value => _text ?? throw new InvalidOperationException(
            $"The value of '{Key}' is binary; read {nameof(ValueBytes)}.");

        /// <summary>A copy of the binary value, or the ASCII bytes of the text value.</summary>
        public byte[] ValueBytes => _bytes is null ? Encoding.ASCII.GetBytes(Value) : _bytes.AsSpan().ToArray();

        private bool HasBinaryKey => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <summary>The key and the value, a binary one in hexadecimal digits.</summary>
        /// <returns>A text for a log.</returns>
        public override string ToString() => _bytes is null
            ? $"[Entry: key={Key}, value={_text}]"
            : $"[Entry: key={Key}, valueBytes={Convert.ToHexString(_bytes)}]";

        private static string Normalize(string key)
        {
            ArgumentNullException.ThrowIfNull(key);
            if (key.Length == 0 || key.AsSpan().ContainsAnyExcept(KeyCharacters))
            {
                throw new ArgumentException(
                    $"'{key}' is not a metadata key: use ASCII letters, digits, '_', '-' and '.'.", nameof(key));
            }

            return key.ToLowerInvariant();
        }
    }
}
