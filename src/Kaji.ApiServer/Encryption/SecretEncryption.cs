using System.Security.Cryptography;
using System.Text;
using Kaji.ApiServer.Certificates;
using Kaji.ApiServer.Registry;
using Kaji.Store;

namespace Kaji.ApiServer.Encryption;

/// <summary>
/// Secrets at rest: AES-256-GCM with a key file of mode 0600. A value on disk is <c>kaji1:</c>, nonce (12), tag (16), ciphertext; the key it lies under is bound to it,
/// so that rows can't be swapped.
/// </summary>
public sealed class SecretEncryption : IValueTransformer, IDisposable
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private static readonly string Prefix = StorageKeys.Collection("", "secrets");
    private static readonly byte[] Mark = "kaji1:"u8.ToArray();
    private readonly AesGcm _cipher;

    private SecretEncryption(byte[] key) => _cipher = new AesGcm(key, TagBytes);

    /// <exception cref="StoreException">The key file is damaged or can't be read.</exception>
    public static SecretEncryption LoadOrCreate(string keyFile)
    {
        try
        {
            if (!File.Exists(keyFile))
            {
                PrivateFile.Write(keyFile, Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)) + "\n"));
            }

            var key = Convert.FromBase64String(File.ReadAllText(keyFile).Trim());
            return key.Length == 32 ? new SecretEncryption(key) : throw new FormatException("it is not 32 bytes");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new StoreException(StoreFault.Unreadable, $"the encryption key {keyFile} can't be used: {e.Message}. Secrets can't be read without it: restore it from a backup.", e);
        }
    }

    public ReadOnlyMemory<byte> ToDisk(string key, ReadOnlyMemory<byte> value)
    {
        if (!key.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return value;
        }

        var sealedValue = new byte[Mark.Length + NonceBytes + TagBytes + value.Length];
        Mark.CopyTo(sealedValue, 0);
        var nonce = sealedValue.AsSpan(Mark.Length, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        _cipher.Encrypt(nonce, value.Span, sealedValue.AsSpan(Mark.Length + NonceBytes + TagBytes), sealedValue.AsSpan(Mark.Length + NonceBytes, TagBytes), Encoding.UTF8.GetBytes(key));
        return sealedValue;
    }

    public ReadOnlyMemory<byte> FromDisk(string key, ReadOnlyMemory<byte> value)
    {
        if (!key.StartsWith(Prefix, StringComparison.Ordinal) || !value.Span.StartsWith(Mark))
        {
            return value;
        }

        if (value.Length < Mark.Length + NonceBytes + TagBytes)
        {
            throw new StoreException(StoreFault.Corrupt, $"the secret at {key} is cut short: the data is damaged.");
        }

        var plain = new byte[value.Length - Mark.Length - NonceBytes - TagBytes];
        var span = value.Span[Mark.Length..];
        try
        {
            _cipher.Decrypt(span[..NonceBytes], span[(NonceBytes + TagBytes)..], span.Slice(NonceBytes, TagBytes), plain, Encoding.UTF8.GetBytes(key));
        }
        catch (CryptographicException e)
        {
            throw new StoreException(StoreFault.Corrupt, $"the secret at {key} can't be decrypted: the encryption key is not the one it was written with, or the data is damaged.", e);
        }

        return plain;
    }

    public void Dispose() => _cipher.Dispose();
}
